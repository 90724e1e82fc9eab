"""The programs: chargerd, chargerctl, chargerbench."""
