"""The office's pages: who may, what they show, what they do."""
