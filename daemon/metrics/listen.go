package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits of a scraper's connection.
const (
	headerTimeout = 5 * time.Second
	writeTimeout  = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 16 << 10
)

// Server answers scrapes over TCP, and nothing else.
type Server struct {
	http   http.Server
	listen net.Listener
}

// Serve serves m on a listener until Close.
func (m *Metrics) Serve(l net.Listener) *Server { return Serve(l, m.Handler(), m.log) }

// Serve is [Metrics.Serve] for any handler of scrapes.
func Serve(l net.Listener, scrapes http.Handler, log *slog.Logger) *Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", scrapes)
	s := &Server{listen: l, http: http.Server{
		Handler: mux, ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	go func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("no scrapes are answered any more", "address", s.Address(), "error", err)
		}
	}()
	return s
}

// Address is where it listens, with the port that was chosen for port 0.
func (s *Server) Address() string { return s.listen.Addr().String() }

// Close ends at once: a scrape that is cut off is made again.
func (s *Server) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.http.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return s.http.Close()
}
