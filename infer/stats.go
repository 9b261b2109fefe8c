package infer

// Stats is the state of an engine, and what it has done since its start.
type Stats struct {
	Running int // sequences
	Waiting int // requests

	Pages     int // of keys and values, in all
	PageBytes int
	Used      int // pages of running sequences
	Cached    int // pages that hold beginnings of earlier sequences, to be reused or forgotten

	Passes       uint64
	Rows         uint64 // tokens that went through the model
	PromptTokens uint64 // of the requests that were admitted
	CachedTokens uint64 // of those, tokens that were not computed again
	Refused      uint64 // requests, with ErrBusy
}

// counts are the sums in Stats.
type counts struct{ passes, rows, promptTokens, cachedTokens, refused uint64 }

// Stats tells how the engine is doing.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Stats{
		Running:      len(e.running),
		Waiting:      len(e.waiting),
		Pages:        e.pages.total(),
		PageBytes:    e.kv.PageBytes(),
		Used:         e.pages.total() - len(e.pages.free) - e.pages.idle,
		Cached:       e.pages.idle,
		Passes:       e.passes,
		Rows:         e.rows,
		PromptTokens: e.promptTokens,
		CachedTokens: e.cachedTokens,
		Refused:      e.refused,
	}
}
