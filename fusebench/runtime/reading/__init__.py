"""Reading of files that people and other programs wrote: every fault is one short error."""
