"""What the pages share on which a class does something together: how it is joined, and how it is started."""
