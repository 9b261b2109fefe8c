package infer

import "time"

// Stats is the state of an engine, and what it has done since its start.
type Stats struct {
	Running int // sequences
	Waiting int // requests

	Threads    int // that compute
	MaxThreads int // that can; see Engine.SetThreads
	Sequences  int // that can run at the same time
	Context    int // tokens of one sequence

	Pages     int // of keys and values, in all
	PageBytes int
	Used      int // pages of running sequences
	Cached    int // pages that hold beginnings of earlier sequences, to be reused or forgotten

	Passes       uint64
	Rows         uint64 // tokens that went through the model
	Recomputed   uint64 // of those, tokens that had before, of sequences that were preempted
	Generated    uint64 // tokens of answers
	PromptTokens uint64 // of the requests that were admitted
	CachedTokens uint64 // of those, tokens that were not computed again
	Admitted     uint64 // requests
	Hits         uint64 // requests of which a part was known; counted at their end
	Refused      uint64 // requests, with ErrBusy
	Preemptions  uint64 // of sequences, since pages ran short

	Speed float64 // generated tokens per second, of the last seconds

	Queued     Histogram // seconds from a request to its admission
	FirstToken Histogram // seconds from a request to its first token
	InterToken Histogram // seconds between two tokens of one answer
	Batch      Histogram // sequences in a pass
}

// Add is the state of two engines together, and what both have done; what there
// is one of is o's.
func (s Stats) Add(o Stats) Stats {
	o.Running += s.Running
	o.Waiting += s.Waiting
	o.Pages += s.Pages
	o.Used += s.Used
	o.Cached += s.Cached
	o.Speed += s.Speed
	return s.sums(o)
}

// sums adds the sums of s to o.
func (s Stats) sums(o Stats) Stats {
	o.Passes += s.Passes
	o.Rows += s.Rows
	o.Recomputed += s.Recomputed
	o.Generated += s.Generated
	o.PromptTokens += s.PromptTokens
	o.CachedTokens += s.CachedTokens
	o.Admitted += s.Admitted
	o.Hits += s.Hits
	o.Refused += s.Refused
	o.Preemptions += s.Preemptions
	o.Queued = o.Queued.Add(s.Queued)
	o.FirstToken = o.FirstToken.Add(s.FirstToken)
	o.InterToken = o.InterToken.Add(s.InterToken)
	o.Batch = o.Batch.Add(s.Batch)
	return o
}

// Ended is what an engine has done, without the state that it had.
func (s Stats) Ended() Stats { return s.sums(Stats{}) }

// counts are the sums in Stats; Engine.mu guards them, which a pass takes anyway.
type counts struct {
	passes, rows, recomputed, generated, promptTokens, cachedTokens, admitted, hits, refused, preemptions uint64

	queued, firstToken, interToken, batchSize Histogram

	recent recent
}

func newCounts() counts {
	return counts{
		queued: newHistogram(secondBounds), firstToken: newHistogram(secondBounds),
		interToken: newHistogram(secondBounds), batchSize: newHistogram(batchBounds),
		recent: recent{start: time.Now()},
	}
}

// recentSeconds is over how long Stats.Speed is taken.
const recentSeconds = 5

// recent counts tokens by the second.
type recent struct {
	start   time.Time
	last    int                       // second since start of the latest token
	seconds [recentSeconds + 1]uint64 // tokens, by second modulo its length
}

// at makes now's second the last one.
func (r *recent) at(now time.Time) {
	second := int(now.Sub(r.start) / time.Second)
	for n := 0; r.last < second && n < len(r.seconds); n++ {
		r.last++
		r.seconds[r.last%len(r.seconds)] = 0
	}
	if r.last < second { // a pause that outlasted them all
		r.last = second
	}
}

func (r *recent) add(now time.Time) {
	r.at(now)
	r.seconds[r.last%len(r.seconds)]++
}

// speed is tokens per second over the last whole seconds; the present one, of
// which only a part is over, counts with that part.
func (r *recent) speed(now time.Time) float64 {
	r.at(now)
	var tokens uint64
	for _, n := range r.seconds {
		tokens += n
	}
	age := now.Sub(r.start).Seconds()
	over := min(age, recentSeconds+age-float64(r.last))
	if over <= 0 {
		return 0
	}
	return float64(tokens) / over
}

// Stats tells how the engine is doing.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Stats{
		Running:      len(e.running),
		Waiting:      len(e.waiting),
		Threads:      e.threads(),
		MaxThreads:   e.options.Threads,
		Sequences:    e.options.Sequences,
		Context:      e.context,
		Pages:        e.pages.total(),
		PageBytes:    e.kv.PageBytes(),
		Used:         e.pages.total() - len(e.pages.free) - e.pages.idle,
		Cached:       e.pages.idle,
		Passes:       e.passes,
		Rows:         e.rows,
		Recomputed:   e.recomputed,
		Generated:    e.generated,
		PromptTokens: e.promptTokens,
		CachedTokens: e.cachedTokens,
		Admitted:     e.admitted,
		Hits:         e.hits,
		Refused:      e.refused,
		Preemptions:  e.preemptions,
		Speed:        e.recent.speed(time.Now()),
		Queued:       e.queued.clone(),
		FirstToken:   e.firstToken.clone(),
		InterToken:   e.interToken.clone(),
		Batch:        e.batchSize.clone(),
	}
}
