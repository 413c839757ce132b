"""How a visitor asks models on any page: the review or the table that goes in, the verdicts that come out."""
