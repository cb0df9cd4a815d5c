"""What devices that push their results over HTTP share: who may, how much of it, and the spool it waits in."""
