"""How sure a number is: resampling, intervals, tests, and checks of them on what is known."""
