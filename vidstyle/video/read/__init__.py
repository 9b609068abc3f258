"""Reading movies: what a file holds, and its frames one by one."""
