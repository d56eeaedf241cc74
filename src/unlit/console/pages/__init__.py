"""The pages, one file each: read what they show, render, decide nothing."""
