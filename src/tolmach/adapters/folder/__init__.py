"""Files and folders: finding them, reading them in constant memory, writing them so that nothing is ever half there."""
