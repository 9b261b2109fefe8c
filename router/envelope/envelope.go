// Package envelope wraps the messages between a device and the workers in the
// cloud: it compresses them, seals them so that the broker reads nothing, and
// tells one format from another.
//
// A payload that does not begin with the magic is one JSON object, the format of
// before envelopes; [Is] tells. docs/link.md describes both, and what is
// promised of sealed messages.
//
// Layout, numbers big-endian:
//
//	"CUSP" | version 1 | kind 1 | flags 1 | length of id 1 | id
//	not sealed:              body
//	sealed, to a worker:     key id 8 | time in ms 8 | encapsulated key 32 | ciphertext | signature 64
//	sealed, to a device:     reference 8 | seq 4 | salt 16 | ciphertext
//
// What stands before the id's end is the same in all versions, so that a peer can
// say whose message it cannot read.
package envelope

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/a472be26/cusp/router"
)

// Version is the version of the layout that this package writes and reads.
const Version = 1

// Kind is what an envelope holds.
type Kind byte

// Kinds. The first two go to a worker, the last one to a device.
const (
	Ask Kind = 1 + iota
	Resume
	Answer
)

const (
	magic       = "CUSP"
	flagZstd    = 1
	flagSealed  = 2
	knownFlags  = flagZstd | flagSealed
	fixedBytes  = len(magic) + 4
	keyIDBytes  = 8
	encBytes    = 32 // X25519
	signBytes   = 64 // Ed25519
	refBytes    = 8
	saltBytes   = 16
	requestHead = keyIDBytes + 8 + encBytes
	answerHead  = refBytes + 4 + saltBytes

	// Overhead bounds what an envelope adds to its body.
	Overhead = fixedBytes + router.MaxIDBytes + requestHead + signBytes + padTo + 4 + 16
)

// Envelope is a parsed envelope. It shares memory with the payload.
type Envelope struct {
	Kind   Kind
	ID     string // of the question
	Sealed bool
	Seq    int // of a sealed answer, else 0

	zstd   bool
	head   []byte // all before the ciphertext: what it is bound to
	body   []byte // the ciphertext, or the body if not sealed
	keyID  [keyIDBytes]byte
	sent   int64 // ms since 1970
	enc    []byte
	ref    [refBytes]byte
	salt   []byte
	signed []byte // all that is signed
	sign   []byte
}

// Is reports whether a payload is an envelope of any version.
func Is(payload []byte) bool { return bytes.HasPrefix(payload, []byte(magic)) }

// VersionError is of an envelope that is younger than this program.
type VersionError struct {
	Version byte
	ID      string // whose message it is; empty if that cannot be read
}

func (e VersionError) Error() string {
	return fmt.Sprintf("envelope of version %d, this program reads %d: it must be updated", e.Version, Version)
}

// Parse reads an envelope without opening it.
func Parse(payload []byte) (Envelope, error) {
	e, at, err := parseFixed(payload)
	if err != nil {
		return Envelope{}, fmt.Errorf("envelope: %w", err)
	}
	if e.Sealed {
		err = e.parseSealed(payload, at)
	} else {
		e.head, e.body = payload[:at], payload[at:]
	}
	if err != nil {
		return Envelope{}, fmt.Errorf("envelope of %s: %w", e.ID, err)
	}
	return e, nil
}

// parseFixed reads what all versions have in common; at is where it ends.
func parseFixed(p []byte) (e Envelope, at int, err error) {
	if len(p) < fixedBytes || !Is(p) {
		return e, 0, fmt.Errorf("%d bytes without the beginning of one", len(p))
	}
	version, kind, flags, length := p[4], Kind(p[5]), p[6], int(p[7])
	if len(p) < fixedBytes+length {
		return e, 0, fmt.Errorf("it ends within the id")
	}
	id := string(p[fixedBytes : fixedBytes+length])
	if router.CheckID(id) != nil {
		id = ""
	}
	switch {
	case version != Version:
		return e, 0, VersionError{version, id}
	case id == "":
		return e, 0, fmt.Errorf("the id is no id of a question")
	case kind < Ask || kind > Answer:
		return e, 0, fmt.Errorf("kind %d is not known", kind)
	case flags&^knownFlags != 0:
		return e, 0, fmt.Errorf("flags %#x are not known", flags&^knownFlags)
	}
	return Envelope{Kind: kind, ID: id, Sealed: flags&flagSealed != 0, zstd: flags&flagZstd != 0}, fixedBytes + length, nil
}

func (e *Envelope) parseSealed(p []byte, at int) error {
	if e.Kind == Answer {
		return e.parseAnswer(p, at)
	}
	end := len(p) - signBytes
	if end-at < requestHead+1 {
		return fmt.Errorf("%d bytes are too few for a sealed question", len(p))
	}
	head := p[at : at+requestHead]
	copy(e.keyID[:], head)
	e.sent = int64(binary.BigEndian.Uint64(head[keyIDBytes:]))
	e.enc = head[keyIDBytes+8:]
	e.head, e.body = p[:at+requestHead], p[at+requestHead:end]
	e.signed, e.sign = p[:end], p[end:]
	return nil
}

func (e *Envelope) parseAnswer(p []byte, at int) error {
	if len(p)-at < answerHead+1 {
		return fmt.Errorf("%d bytes are too few for a sealed answer", len(p))
	}
	head := p[at : at+answerHead]
	copy(e.ref[:], head)
	e.Seq = int(binary.BigEndian.Uint32(head[refBytes:]))
	e.salt = head[refBytes+4:]
	e.head, e.body = p[:at+answerHead], p[at+answerHead:]
	return nil
}

// appendFixed begins an envelope.
func appendFixed(kind Kind, flags byte, id string) ([]byte, error) {
	if err := router.CheckID(id); err != nil {
		return nil, fmt.Errorf("envelope: %w", err)
	}
	p := append([]byte(magic), Version, byte(kind), flags, byte(len(id)))
	return append(p, id...), nil
}
