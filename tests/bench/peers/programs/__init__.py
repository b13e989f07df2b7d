"""The programs that are compared with this project's system; they run in an environment with packages of their own."""
