"""The engine as the editor sees it: a child process, a queue of runs, and what nodes are doing."""
