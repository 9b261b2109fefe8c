package uplink

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/a472be26/cusp/router/envelope"
)

// post wraps what leaves this device and unwraps what comes back.
//
// Without a key it speaks both formats: plain JSON until a worker has named
// itself, which those do that read envelopes, and again for a while after an
// envelope that no worker took, so that old and new workers can be mixed. With a
// key it never sends nor believes what is not sealed.
type post struct {
	codec  *envelope.Codec
	plain  bool             // no compression is wanted
	seal   *envelope.Device // nil: nothing is sealed
	speaks atomic.Bool      // there are workers that read envelopes
	doubt  atomic.Int64     // until then, in ns since 1970, perhaps not all of them do
	ahead  atomic.Int64     // ns that the workers' clock is ahead of ours
}

func newPost(o Options) (*post, error) {
	codec, err := envelope.NewCodec(MaxAnswerBytes)
	if err != nil {
		return nil, err
	}
	if o.Seal == nil {
		return &post{codec: codec, plain: o.NoCompression}, nil
	}
	d := *o.Seal
	d.Name = o.Device
	return &post{codec: codec, plain: o.NoCompression, seal: &d}, d.Check()
}

// accepts is the version of envelope that this device reads, for its questions.
func (p *post) accepts() int {
	if p.plain && p.seal == nil {
		return 0
	}
	return envelope.Version
}

// letter is a message as it goes out.
type letter struct {
	payload   []byte
	secret    *envelope.Secret // opens the answers; nil if not sealed
	enveloped bool
}

func (p *post) out(kind envelope.Kind, id string, body []byte) (letter, error) {
	codec := p.codec
	if p.plain {
		codec = nil
	}
	if p.seal != nil {
		payload, secret, err := p.seal.Seal(codec, kind, id, p.now(), body)
		return letter{payload, secret, true}, err
	}
	if codec == nil || !p.speaks.Load() || time.Now().UnixNano() < p.doubt.Load() {
		return letter{payload: body}, nil
	}
	payload, err := codec.Wrap(kind, id, body)
	return letter{payload: payload, enveloped: envelope.Is(payload)}, err
}

// doubtful is how long a device sends plain JSON after an envelope that no worker
// took: an old one costs every second question a few seconds.
const doubtful = 10 * time.Minute

// unanswered notes such an envelope.
func (p *post) unanswered() { p.doubt.Store(time.Now().Add(doubtful).UnixNano()) }

// now is the workers' time.
func (p *post) now() time.Time { return time.Now().Add(time.Duration(p.ahead.Load())) }

// notSealed is an answer in plain words to a device that seals. Nobody vouches
// for it; it may be an old worker's, or one's that has no key of this device.
type notSealed struct{ hint string }

func (e notSealed) Error() string {
	if e.hint == "" {
		return "an answer that is not sealed, and this device has a key: whoever sent it is not believed"
	}
	return "an answer that is not sealed is not believed; it says: " + e.hint
}

// in reads a message; secret finds what opens a sealed one.
func (p *post) in(payload []byte, secret func(envelope.Envelope) *envelope.Secret) (Answer, error) {
	if len(payload) > MaxAnswerBytes+envelope.Overhead {
		return Answer{}, fmt.Errorf("answer of %d bytes, at most %d are allowed", len(payload), MaxAnswerBytes)
	}
	if !envelope.Is(payload) {
		return p.inPlain(payload)
	}
	e, err := envelope.Parse(payload)
	switch {
	case err != nil:
		return Answer{}, err
	case e.Kind != envelope.Answer:
		return Answer{}, errors.New("the envelope holds no answer")
	case !e.Sealed && p.seal != nil:
		return Answer{}, notSealed{}
	case !e.Sealed:
		body, err := p.codec.Unwrap(e)
		if err != nil {
			return Answer{}, err
		}
		return named(e, body)
	}
	s := secret(e)
	if s == nil {
		return Answer{}, errForeign
	}
	return p.inSealed(s, e)
}

// errForeign is of a sealed answer to nothing that this process has sent, or to
// an attempt before the last few: it comes again for a later one.
var errForeign = errors.New("a sealed answer to no message of this process")

func (p *post) inPlain(payload []byte) (Answer, error) {
	m, err := DecodeAnswer(payload)
	if p.seal == nil || err != nil {
		return m, err
	}
	if m.Error == nil {
		return m, notSealed{}
	}
	return m, notSealed{describe(m.Error)}
}

func (p *post) inSealed(s *envelope.Secret, e envelope.Envelope) (Answer, error) {
	body, err := s.Open(p.codec, e)
	if err != nil {
		return Answer{}, err
	}
	m, err := named(e, body)
	if err != nil {
		return Answer{}, err
	}
	if m.Seq != e.Seq {
		return Answer{}, fmt.Errorf("seq %d in an envelope of seq %d", m.Seq, e.Seq)
	}
	if m.Error != nil && m.Error.Code == CodeClock && m.Error.NowMS > 0 {
		p.ahead.Store(int64(time.UnixMilli(m.Error.NowMS).Sub(time.Now())))
	}
	return m, nil
}

// named decodes the body of an envelope and holds it to the envelope's id.
func named(e envelope.Envelope, body []byte) (Answer, error) {
	m, err := DecodeAnswer(body)
	if err == nil && m.ID != e.ID {
		return Answer{}, fmt.Errorf("an answer to %s in an envelope of %s", m.ID, e.ID)
	}
	return m, err
}
