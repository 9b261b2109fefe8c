package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Eraser deletes kept answers, for good.
type Eraser interface {
	// Erase deletes those with one of the ids, or, if before is not zero, of an
	// earlier time, and returns how many records there were.
	Erase(ctx context.Context, ids []string, before time.Time) (int, error)
}

// erased is the reply to a deletion.
type erased struct {
	Deleted int `json:"deleted"`
}

// erase answers DELETE /v1/cusp/answers?id=ID&id=ID and ?before=TIME.
func (s *Server) erase(w http.ResponseWriter, r *http.Request) {
	ids, before := r.URL.Query()["id"], time.Time{}
	if text := r.URL.Query().Get("before"); text != "" {
		var err error
		if before, err = time.Parse(time.RFC3339, text); err != nil {
			s.fail(w, invalid("before", "before is %.40q; it must be a time such as 2026-11-29T00:00:00Z", text))
			return
		}
	}
	if len(ids) == 0 && before.IsZero() {
		s.fail(w, invalid("id", "name at least one id, or before"))
		return
	}
	if s.o.Eraser == nil {
		s.fail(w, notFound("answers are not kept by this daemon"))
		return
	}
	n, err := s.o.Eraser.Erase(r.Context(), ids, before)
	if err != nil {
		s.o.Log.Error("answers were not deleted", "error", err)
		s.fail(w, serverError("the records cannot be written"))
		return
	}
	s.send(w, http.StatusOK, erased{n})
}

// eraseBatch is how many ids fit into one request's line.
const eraseBatch = 200

// Erase deletes kept answers by id, or those that are older than before, and returns
// how many records there were.
func (c *Client) Erase(ctx context.Context, ids []string, before time.Time) (int, error) {
	query := url.Values{}
	if !before.IsZero() {
		query.Set("before", before.UTC().Format(time.RFC3339Nano))
	}
	total := 0
	for {
		n := min(len(ids), eraseBatch)
		query["id"] = ids[:n]
		deleted, err := c.eraseSome(ctx, query)
		total += deleted
		if ids = ids[n:]; err != nil || len(ids) == 0 {
			return total, err
		}
	}
}

func (c *Client) eraseSome(ctx context.Context, query url.Values) (int, error) {
	resp, err := c.do(ctx, http.MethodDelete, "/v1/cusp/answers?"+query.Encode(), nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var e erased
	if err := json.NewDecoder(resp.Body).Decode(&e); err != nil {
		return 0, fmt.Errorf("reply to the deletion: %w", err)
	}
	return e.Deleted, nil
}
