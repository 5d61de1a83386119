"""The plainest method: a reader names what liked pictures share, and the prompt says so."""
