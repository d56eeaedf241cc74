"""Pure decisions of the review room: facts in, sentences, questions and states out."""
