"""This project's system beside other systems that do the same job."""
