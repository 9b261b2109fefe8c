package toolcall

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxCall bounds the bytes of one call; what is longer is content.
const MaxCall = 256 << 10

var (
	errEnds    = errors.New("the answer ends within the call")
	errTooLong = fmt.Errorf("it has more than %d bytes", MaxCall)
)

// source is the text of an answer as far as it has come.
type source struct {
	buf    string // came and is not taken
	closed bool   // no more comes
	more   func() // suspends until more came or the end is known

	recording bool
	raw       []byte // taken since the recording began
}

// has reports whether n bytes are there; it waits for them.
func (s *source) has(n int) bool {
	for len(s.buf) < n && !s.closed {
		s.more()
	}
	return len(s.buf) >= n
}

// take takes n bytes that are there.
func (s *source) take(n int) string {
	text := s.buf[:n]
	s.buf = s.buf[n:]
	if s.recording {
		s.raw = append(s.raw, text...)
	}
	return text
}

// rune takes one rune.
func (s *source) rune() string {
	for n := 1; n < utf8.UTFMax && !utf8.FullRuneInString(s.buf) && s.has(n+1); n++ {
	}
	_, width := utf8.DecodeRuneInString(s.buf)
	return s.take(width)
}

// record begins to keep what is taken, which so far is before.
func (s *source) record(before string) {
	s.recording, s.raw = true, append(s.raw[:0], before...)
}

// peek returns the next byte of a call.
func (s *source) peek() (byte, error) {
	if len(s.raw) > MaxCall {
		return 0, errTooLong
	}
	if !s.has(1) {
		return 0, errEnds
	}
	return s.buf[0], nil
}

// mark returns that of the marks with which what comes begins, or nothing.
func (s *source) mark(marks []string) string {
	for n := 1; s.has(n); n++ {
		possible := false
		for _, m := range marks {
			if strings.HasPrefix(m, s.buf[:n]) {
				if len(m) == n {
					return m
				}
				possible = true
			}
		}
		if !possible {
			break
		}
	}
	return ""
}

// skip takes a mark if it is next.
func (s *source) skip(mark string) bool {
	if s.mark([]string{mark}) == "" {
		return false
	}
	s.take(len(mark))
	return true
}

// want takes a mark, which must be next.
func (s *source) want(mark string) error {
	switch {
	case s.skip(mark):
		return nil
	case s.closed && strings.HasPrefix(mark, s.buf):
		return errEnds
	}
	return fmt.Errorf("%q is wanted", mark)
}

// space takes white space.
func (s *source) space() string {
	var text []byte
	for s.has(1) && isSpace(s.buf[0]) {
		text = append(text, s.take(1)...)
	}
	return string(text)
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// until takes what is before a mark, and the mark.
func (s *source) until(mark string) (string, error) {
	var text []byte
	for {
		if _, err := s.peek(); err != nil {
			return "", err
		}
		if s.skip(mark) {
			return string(text), nil
		}
		text = append(text, s.take(1)...)
	}
}

// maxName is how long the name of a function may be.
const maxName = 256

// name takes the name of a function, of letters, digits and - _ . : /
func (s *source) name() (string, error) {
	var name []byte
	for s.has(1) && isName(s.buf[0]) && len(name) < maxName {
		name = append(name, s.take(1)...)
	}
	if len(name) == 0 {
		return "", errors.New("the name of a function is wanted")
	}
	return string(name), nil
}

func isName(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.:/", c) >= 0
}
