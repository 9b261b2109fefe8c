// Package api is the local front door: an OpenAI-compatible HTTP API on a unix
// socket, so that every program that speaks to OpenAI speaks to this device.
//
// It decodes, hands the question to an [Answerer], and encodes; it never
// decides who answers. Unknown fields of a request are ignored as OpenAI
// ignores them, wrong types are refused in OpenAI's error shape. A client that
// goes away cancels its generation. For n choices it asks n times, each time
// with an id and a seed of its own. Log-probabilities are the local model's: with
// an answer from the cloud they are null. On the socket the file mode says who may
// ask, and the kernel who an administrator is; a network gets in through TLS with a
// bearer token, and to the API alone.
package api

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/a472be26/cusp/daemon/peer"
	"github.com/a472be26/cusp/router"
)

// Answerer answers one question, passing the answer to emit as it comes; nil
// when only the whole is wanted. An error from emit ends the answer. Safe for
// concurrent use.
type Answerer interface {
	Answer(ctx context.Context, q router.Question, emit func(router.Delta) error) (router.Answer, error)
}

// Archive finds answers that were given before.
type Archive interface {
	// Find returns ErrNotFound when no answer with this id is kept.
	Find(ctx context.Context, id string) (Entry, error)
}

// ErrNotFound says that no answer with the given id is kept.
var ErrNotFound = errors.New("no answer with this id is kept")

// Entry is a finished answer with the question it belongs to.
type Entry struct {
	Question  router.Question   `json:"question"`
	Text      string            `json:"text"`
	Reasoning string            `json:"reasoning,omitempty"`
	ToolCalls []router.ToolCall `json:"tool_calls,omitempty"`
	Finish    string            `json:"finish"`
	Receipt   router.Receipt    `json:"receipt"`
}

// Options are the parts that a [Server] stands on. Answerer and Log are
// required; a nil Archive answers every look-up with 404.
type Options struct {
	Answerer Answerer
	Embedder Embedder // nil: there are no embeddings
	// Classifier tells classes of texts; nil: nothing does.
	Classifier Classifier
	Explainer  Explainer // nil: nothing is explained
	Archive    Archive
	Eraser     Eraser         // nil: nothing can be deleted
	Models     func() []Model // what can be asked now
	Status     func() any     // marshalled to JSON for /v1/cusp/status
	Healthy    func() error   // nil when the daemon can answer
	Metrics    http.Handler   // answers GET /metrics; nil: nothing does
	MaxBody    int64          // bytes of a request; 0 means DefaultMaxBody
	// MaxConnections is how many may be open; 0 means DefaultConnections.
	MaxConnections int
	// Authorized tells whether a bearer token is good for a request over TLS; nil:
	// none is.
	Authorized func(token string) bool
	// Admin tells whether who is at the other end of the socket may see others'
	// answers and the metrics; nil: everybody may.
	Admin func(peer.Cred) bool
	Log   *slog.Logger
}

// DefaultMaxBody is the largest request taken unless configured otherwise.
const DefaultMaxBody = 1 << 20

// Limits of one connection. There is no overall write limit, because an answer
// may stream for long; each single write is limited instead.
const (
	headerTimeout = 10 * time.Second
	bodyTimeout   = 30 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
)

// Server answers HTTP requests.
type Server struct {
	o       Options
	mux     *http.ServeMux
	http    *http.Server
	started time.Time

	connections connections
	bound       *bound

	mu        sync.Mutex     // guards the fields below
	stopped   bool           // no listener is taken any more
	listeners []net.Listener // of all calls of Serve
	serving   sync.WaitGroup // calls of Serve; grows only under mu while not stopped
}

var _ http.Handler = (*Server)(nil)

// New returns a server that is not listening yet.
func New(o Options) *Server {
	if o.MaxBody <= 0 {
		o.MaxBody = DefaultMaxBody
	}
	s := &Server{o: o, mux: http.NewServeMux(), started: time.Now(), bound: newBound(o.MaxConnections)}
	for pattern, handler := range s.routes() {
		s.mux.HandleFunc(pattern, handler)
	}
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnState:         s.connections.track,
		ConnContext:       withPeer,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return s
}

// routes are the endpoints; docs/api.md describes each.
func (s *Server) routes() map[string]http.HandlerFunc {
	all := map[string]http.HandlerFunc{
		"POST /v1/chat/completions": s.chat,
		"POST /v1/completions":      s.completions,
		"POST /v1/responses":        s.responses,
		"POST /v1/embeddings":       s.embeddings,
		"POST /v1/classify":         s.classify,
		"GET /v1/models":            s.models,
		"GET /v1/models/{id}":       s.oneModel,
		"GET /healthz":              s.health,
		"GET /v1/cusp/status":       s.status,
		"GET /v1/cusp/answers/{id}": s.answer,
		"DELETE /v1/cusp/answers":   s.erase,
		"POST /v1/cusp/explain":     s.explain,
	}
	if s.o.Metrics != nil {
		all["GET /metrics"] = s.o.Metrics.ServeHTTP
	}
	return all
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 { // net/http reads what a handler leaves of the body before it replies
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	}
	if r.TLS != nil {
		s.remote(w, r)
		return
	}
	if s.admits(w, r) {
		s.route(w, r)
	}
}

// route finds who answers. What the table of routes does not know is answered in
// the API's own error shape.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	if _, pattern := s.mux.Handler(r); pattern == "" {
		s.unrouted(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// unrouted lets the mux find out whether it is the path or the method that is
// unknown, and rewrites its plain-text reply.
func (s *Server) unrouted(w http.ResponseWriter, r *http.Request) {
	probe := &statusProbe{header: http.Header{}}
	s.mux.ServeHTTP(probe, r)
	if probe.code != http.StatusMethodNotAllowed {
		s.fail(w, notFound("unknown path "+r.Method+" "+r.URL.Path))
		return
	}
	allow := probe.header.Get("Allow")
	w.Header().Set("Allow", allow)
	s.fail(w, &Error{Status: probe.code, Type: typeInvalid, Code: "method_not_allowed",
		Message: "method " + r.Method + " is not allowed for " + r.URL.Path + "; use " + allow})
}

// statusProbe is a ResponseWriter that keeps the status and headers only.
type statusProbe struct {
	header http.Header
	code   int
}

func (p *statusProbe) Header() http.Header         { return p.header }
func (p *statusProbe) WriteHeader(code int)        { p.code = code }
func (p *statusProbe) Write(b []byte) (int, error) { return len(b), nil }

// Serve takes connections from l, which is no network's, until Shutdown; it then
// returns nil.
func (s *Server) Serve(l net.Listener) error {
	return s.serve(l, func(c net.Conn) net.Conn { return c })
}

// ServeTLS takes connections from l, which may be a network's, until Shutdown; it
// then returns nil. Each request needs a token that is Authorized.
func (s *Server) ServeTLS(l net.Listener, config *tls.Config) error {
	return s.serve(l, func(c net.Conn) net.Conn { return tls.Server(c, config) })
}

func (s *Server) serve(l net.Listener, wrap func(net.Conn) net.Conn) error {
	if !s.enter(l) {
		_ = l.Close() // perhaps again
		return nil
	}
	defer s.serving.Done()
	if err := s.http.Serve(boundListener{l, s.bound, wrap}); !errors.Is(err, http.ErrServerClosed) && !s.stopping() {
		return err
	}
	return nil
}

// enter counts a call of Serve in, unless the server stops.
func (s *Server) enter(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.listeners = append(s.listeners, l)
	s.serving.Add(1)
	return true
}

func (s *Server) stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}

// Shutdown stops listening and waits for running answers until ctx ends; what
// still runs then is cut off. Who was connected by then is answered; who comes
// later waits in the queue of the listening socket, if another process has it too.
func (s *Server) Shutdown(ctx context.Context) error {
	// 1. Take nobody in any more. Once Serve has returned, all who were are known.
	s.http.SetKeepAlivesEnabled(false) // first: each of them is told that its answer is the last
	s.mu.Lock()
	s.stopped = true
	for _, l := range s.listeners {
		_ = l.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
	// 2. Answer them.
	err := s.connections.drain(ctx)
	// 3. Close what is left.
	return errors.Join(err, s.http.Close())
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	if s.o.Healthy != nil {
		if err := s.o.Healthy(); err != nil {
			s.fail(w, &Error{Status: http.StatusServiceUnavailable, Type: typeServer, Code: "unhealthy", Message: err.Error()})
			return
		}
	}
	s.send(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	s.send(w, http.StatusOK, s.o.Status())
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if s.o.Archive == nil {
		s.fail(w, notFound("answers are not kept by this daemon"))
		return
	}
	e, err := s.o.Archive.Find(r.Context(), id)
	if errors.Is(err, ErrNotFound) {
		s.fail(w, notFound("answer "+id+": "+err.Error()))
		return
	}
	if err != nil {
		s.o.Log.Error("answer look-up failed", "id", id, "error", err)
		s.fail(w, serverError("the record of answers cannot be read"))
		return
	}
	s.send(w, http.StatusOK, e)
}

// send writes v as JSON. A client that is gone is nobody's error.
func (s *Server) send(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		s.o.Log.Error("reply cannot be encoded", "error", err)
		code, body = http.StatusInternalServerError, []byte(`{"error":{"message":"reply cannot be encoded","type":"server_error","param":null,"code":null}}`)
	}
	extendWrite(w)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n'))
}

// extendWrite gives the next write its own time limit; a ResponseWriter
// without deadlines (a test recorder) has none.
func extendWrite(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
}
