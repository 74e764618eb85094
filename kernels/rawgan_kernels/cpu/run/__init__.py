"""Running a kernel over blocks of its arrays, on all threads, in memory from a pool."""
