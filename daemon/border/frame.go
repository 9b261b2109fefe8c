package border

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/a472be26/cusp/router"
)

// kind says what a frame means, and so what else is in it.
type kind string

// The engine begins a connection with one of these.
const (
	kindAsk      kind = "ask"      // Question: for the cloud
	kindStatus   kind = "status"   // how is the other process?
	kindAnnounce kind = "announce" // the device's status has changed: publish it
	kindServe    kind = "serve"    // the link may ask one thing on this connection
)

// On a connection to be served the link asks with kindAsk, kindStatus or this.
const kindLate kind = "late" // Question, and Cloud or Failure: the answer that nobody waited for

// Answers.
const (
	kindAccepted kind = "accepted" // the question is durable
	kindDelta    kind = "delta"    // Delta: a piece of the answer
	kindOutcome  kind = "outcome"  // Cloud or Failure: the end of a question to the cloud
	kindAnswer   kind = "answer"   // Answer or Failure: the end of a question to the engine, or of a late answer, then with its Question
	kindReport   kind = "report"   // Report
	kindTaken    kind = "taken"    // the outcome has arrived for good
)

// frame is one line on the wire, a JSON object.
type frame struct {
	Kind     kind                `json:"kind"`
	Question *router.Question    `json:"question,omitempty"`
	Stream   bool                `json:"stream,omitempty"` // with a question to the engine: in pieces
	Delta    *router.Delta       `json:"delta,omitempty"`
	Cloud    *router.CloudAnswer `json:"cloud,omitempty"`
	Answer   *router.Answer      `json:"answer,omitempty"`
	Failure  *failure            `json:"failure,omitempty"`
	Report   json.RawMessage     `json:"report,omitempty"`
}

// maxLine bounds a frame. The longest is a late answer: a text of
// uplink.MaxTextBytes, of which JSON may write each byte as six, with its
// question.
const maxLine = 32 << 20

// errProtocol means that the other process is there and talks nonsense.
var errProtocol = errors.New("the other process was not understood")

var errTooLong = fmt.Errorf("%w: a line is longer than %d bytes", errProtocol, maxLine)

// readFrame reads one line and checks it. It holds no more than has arrived. The
// error is io.EOF only between two frames.
func readFrame(r *bufio.Reader) (frame, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			return frame{}, errTooLong
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return decodeFrame(line)
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return frame{}, io.ErrUnexpectedEOF
		default:
			return frame{}, err
		}
	}
}

// decodeFrame reads one JSON object and checks that it has what its kind needs.
// Unknown members are ignored: in the middle of an upgrade the other process may
// be of another version.
func decodeFrame(line []byte) (frame, error) {
	var f frame
	if err := json.Unmarshal(line, &f); err != nil {
		return frame{}, fmt.Errorf("%w: %w", errProtocol, err)
	}
	if err := f.check(); err != nil {
		return frame{}, fmt.Errorf("%w: frame of kind %.20q: %w", errProtocol, f.Kind, err)
	}
	return f, nil
}

func (f frame) check() error {
	switch f.Kind {
	case kindStatus, kindAnnounce, kindServe, kindAccepted, kindTaken:
		return nil
	case kindAsk:
		return f.checkQuestion()
	case kindLate:
		return errors.Join(f.checkQuestion(), f.checkEnd(f.Cloud != nil, "cloud"))
	case kindDelta:
		return present(f.Delta != nil, "delta")
	case kindOutcome:
		return f.checkEnd(f.Cloud != nil, "cloud")
	case kindAnswer:
		return f.checkEnd(f.Answer != nil, "answer")
	case kindReport:
		return present(len(f.Report) > 0, "report")
	}
	return errors.New("not known")
}

func (f frame) checkQuestion() error {
	if f.Question == nil {
		return present(false, "question")
	}
	return router.CheckID(f.Question.ID)
}

// checkEnd wants an answer or a failure, not both.
func (f frame) checkEnd(answered bool, name string) error {
	if answered == (f.Failure != nil) {
		return fmt.Errorf("it must have either %s or failure", name)
	}
	return nil
}

func present(is bool, name string) error {
	if !is {
		return fmt.Errorf("it has no %s", name)
	}
	return nil
}

// encodeFrame is one line.
func encodeFrame(f frame) ([]byte, error) {
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	if err := e.Encode(f); err != nil {
		return nil, fmt.Errorf("encode a frame of kind %q: %w", f.Kind, err)
	}
	if line.Len() > maxLine {
		return nil, fmt.Errorf("encode a frame of kind %q: %w", f.Kind, errTooLong)
	}
	return line.Bytes(), nil
}
