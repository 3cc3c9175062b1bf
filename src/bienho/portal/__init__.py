"""The portal: pages for people, read through the gate. See README.md."""
