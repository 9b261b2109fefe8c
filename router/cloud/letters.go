package cloud

import (
	"container/list"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/a472be26/cusp/router/envelope"
	"github.com/a472be26/cusp/router/uplink"
)

// publish sends a payload over the connection that a message came by.
type publish func(topic string, payload []byte) error

// letters reads what devices send and writes what goes back to them: as plain
// JSON, in an envelope, or sealed, in the form and by the way in which the device
// sent its latest message about a question. Safe for concurrent use.
//
// A device whose public key is known must seal: whoever else writes on its topic
// is not it.
type letters struct {
	worker     string // name of this worker
	codec      *envelope.Codec
	seal       *envelope.Worker // nil: nothing can be opened
	sealedOnly bool
	log        *slog.Logger

	mu      sync.Mutex // guards the fields below
	order   *list.List // of *wayBack, the latest first
	waysTo  map[string]*list.Element
	maxWays int
}

// wayBack is how answers to one question get to its device.
type wayBack struct {
	key     string
	publish publish
	secret  *envelope.Secret // nil: not sealed
	plain   bool             // the device reads no envelopes
}

// maxWays is how many questions have a way back: far more than a window remembers.
const maxWays = 1 << 16

func newLetters(worker string, o Options) (*letters, error) {
	codec, err := envelope.NewCodec(uplink.MaxAskBytes)
	if err != nil {
		return nil, err
	}
	if o.Seal != nil {
		err = o.Seal.Check()
	} else if o.SealedOnly {
		err = errors.New("only sealed questions are wanted, and there is no key to open them with")
	}
	return &letters{
		worker: worker, codec: codec, seal: o.Seal, sealedOnly: o.SealedOnly, log: o.Log,
		order: list.New(), waysTo: map[string]*list.Element{}, maxWays: maxWays,
	}, err
}

// errIgnored is of a message that needs no word to the device.
var errIgnored = errors.New("ignored")

// ask reads a question from the topic of device. With an error the question has
// its id if the device can be told through [letters.write]; where it cannot or
// must not, the error is errIgnored, and letters has done what there was to do.
func (l *letters) ask(device string, payload []byte, by publish) (uplink.Ask, error) {
	body, way, err := l.open(device, envelope.Ask, payload, by)
	if err != nil {
		return uplink.Ask{}, err
	}
	a, err := uplink.DecodeAsk(body)
	if err == nil && way.key != "" && way.key != a.ID {
		err = fmt.Errorf("a question %s in an envelope of %s", a.ID, way.key)
		a = uplink.Ask{}
	}
	way.plain = way.secret == nil && a.Envelope < envelope.Version
	if a.ID != "" {
		l.remember(device, a.ID, way)
	}
	return a, err
}

// resume reads a request for a part of an answer.
func (l *letters) resume(device string, payload []byte, by publish) (uplink.Resume, error) {
	body, way, err := l.open(device, envelope.Resume, payload, by)
	if err != nil {
		return uplink.Resume{}, err
	}
	r, err := uplink.DecodeResume(body)
	if err == nil && way.key != "" && way.key != r.ID {
		err = fmt.Errorf("a resume of %s in an envelope of %s", r.ID, way.key)
	}
	if err != nil {
		return uplink.Resume{}, err
	}
	way.plain = way.secret == nil && r.Envelope < envelope.Version
	l.remember(device, r.ID, way)
	return r, nil
}

// open returns the JSON of a message. The way back has the id of the envelope, if
// there is one, as its key for now.
func (l *letters) open(device string, kind envelope.Kind, payload []byte, by publish) ([]byte, wayBack, error) {
	way := wayBack{publish: by}
	if len(payload) > uplink.MaxAskBytes+envelope.Overhead {
		return nil, way, fmt.Errorf("%d bytes, at most %d are allowed", len(payload), uplink.MaxAskBytes)
	}
	if !envelope.Is(payload) {
		return payload, way, l.allowPlain(device, uplink.IDOf(payload), by)
	}
	e, err := envelope.Parse(payload)
	var version envelope.VersionError
	switch {
	case errors.As(err, &version):
		l.refusePlainly(device, version.ID, err, by)
		return nil, way, errIgnored
	case err != nil:
		return nil, way, err
	case e.Kind != kind:
		return nil, way, fmt.Errorf("an envelope of kind %d came where kind %d belongs", e.Kind, kind)
	}
	way.key = e.ID
	if !e.Sealed {
		if err := l.allowPlain(device, e.ID, by); err != nil {
			return nil, way, err
		}
		body, err := l.codec.Unwrap(e)
		return body, way, err
	}
	body, err := l.unseal(device, e, &way)
	return body, way, err
}

// allowPlain refuses what is not sealed where it must be.
func (l *letters) allowPlain(device, id string, by publish) error {
	if l.seal == nil || !l.sealedOnly && !l.seal.Knows(device) {
		return nil
	}
	l.refusePlainly(device, id, errors.New("it must be sealed: set cloud.worker_keys and cloud.device_key on the device"), by)
	return errIgnored
}

func (l *letters) unseal(device string, e envelope.Envelope, way *wayBack) (body []byte, err error) {
	if l.seal == nil {
		l.refusePlainly(device, e.ID, errors.New("this worker has no key to open it with"), way.publish)
		return nil, errIgnored
	}
	now := time.Now()
	body, way.secret, err = l.seal.Open(l.codec, device, e, now)
	switch {
	case err == nil:
		return body, nil
	case errors.Is(err, envelope.ErrReplayed):
		l.log.Debug("dropped a message that came before", "device", device, "id", e.ID)
	case errors.Is(err, envelope.ErrClock):
		l.tell(device, *way, uplink.Answer{ID: e.ID, Error: &uplink.Failed{
			Code: uplink.CodeClock, Message: err.Error(), Retryable: true, NowMS: now.UnixMilli(),
		}})
	default:
		l.refusePlainly(device, e.ID, err, way.publish)
	}
	return nil, errIgnored
}

// notOpened is what everybody may hear about a message that was not opened.
const notOpened = "the message could not be opened"

// refusePlainly tells a device, which need not believe it, why it gets no answer.
// The reason in full is for this worker's log: anybody may have asked.
func (l *letters) refusePlainly(device, id string, why error, by publish) {
	l.log.Warn("refused a message", "device", device, "id", id, "err", why)
	if id == "" {
		return
	}
	text := notOpened
	if errors.Is(why, envelope.ErrUnknownDevice) {
		text = envelope.ErrUnknownDevice.Error()
	} else if l.seal == nil || errors.As(why, new(envelope.VersionError)) || l.mustSeal(device) {
		text = why.Error()
	}
	l.tell(device, wayBack{publish: by, plain: true}, uplink.Answer{ID: id, Error: &uplink.Failed{
		Code: uplink.CodeEnvelope, Message: text, Retryable: true, RetryAfterMS: time.Minute.Milliseconds(),
	}})
}

func (l *letters) mustSeal(device string) bool { return l.sealedOnly || l.seal.Knows(device) }

// tell sends an answer of one message that belongs to no run.
func (l *letters) tell(device string, way wayBack, m uplink.Answer) {
	m.Run, m.Done = uplink.RandomID(), true
	payload, err := l.wrap(way, m)
	if err == nil {
		err = way.publish(uplink.AnswerTopic(device, m.ID), payload)
	}
	if err != nil {
		l.log.Debug("a device was not told", "device", device, "id", m.ID, "err", err)
	}
}

// write sends one message of an answer.
func (l *letters) write(device string, m uplink.Answer) error {
	way, ok := l.way(device, m.ID)
	if !ok {
		return fmt.Errorf("question %s of %s has no way back", m.ID, device)
	}
	if m.Alive || m.Seq == 0 {
		m.Worker = l.worker
	}
	payload, err := l.wrap(way, m)
	if err != nil {
		return err
	}
	return way.publish(uplink.AnswerTopic(device, m.ID), payload)
}

func (l *letters) wrap(way wayBack, m uplink.Answer) ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil { // an Answer has only strings and numbers
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	switch {
	case way.secret != nil:
		return way.secret.Seal(l.codec, m.ID, m.Seq, body)
	case way.plain:
		return body, nil
	}
	return l.codec.Wrap(envelope.Answer, m.ID, body)
}

// remember keeps the latest way to the device of a question; the oldest ones give
// way.
func (l *letters) remember(device, id string, way wayBack) {
	way.key = device + "/" + id
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.waysTo[way.key]; ok {
		e.Value = &way
		l.order.MoveToFront(e)
		return
	}
	l.waysTo[way.key] = l.order.PushFront(&way)
	if l.order.Len() > l.maxWays {
		oldest := l.order.Remove(l.order.Back()).(*wayBack)
		delete(l.waysTo, oldest.key)
	}
}

func (l *letters) way(device, id string) (wayBack, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.waysTo[device+"/"+id]
	if !ok {
		return wayBack{}, false
	}
	return *e.Value.(*wayBack), true
}
