"""From dossiers to the files a facility sends."""
