"""How the files of a project are read, one kind of file per module; nothing of the project is executed."""
