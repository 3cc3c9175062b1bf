"""From a visit to the tables of its dossier."""
