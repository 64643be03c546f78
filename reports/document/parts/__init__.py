"""Parts of a report: headline, plots, leaderboard, pictures, notes, and what a paper needs."""
