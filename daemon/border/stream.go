package border

// stream passes a text on, each byte once, also when it comes again from its
// start because the other process was started anew. A text in other words than
// those passed on is held back.
type stream struct {
	emit     func(string) error // nil: nobody wants pieces
	sent     []byte             // what emit has had
	at       int                // how much has come since the last begin
	diverged bool               // in other words
}

// begin says that the text comes from its start.
func (s *stream) begin() { s.at, s.diverged = 0, false }

func (s *stream) add(delta string) error {
	if s.emit == nil || s.diverged {
		return nil
	}
	known := min(len(delta), max(0, len(s.sent)-s.at))
	if string(s.sent[s.at:s.at+known]) != delta[:known] {
		s.diverged = true
		return nil
	}
	s.at += len(delta)
	rest := delta[known:]
	if rest == "" {
		return nil
	}
	s.sent = append(s.sent, rest...)
	return s.emit(rest)
}

// finish passes on the rest of the whole text; false if what was emitted does not
// belong to it.
func (s *stream) finish(text string) (bool, error) {
	s.begin()
	err := s.add(text)
	return s.emit == nil || !s.diverged && len(text) == len(s.sent), err
}
