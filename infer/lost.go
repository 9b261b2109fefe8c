package infer

// lose ends all that runs, since the memory of the keys and values was lost, and
// forgets what was in it; e.mu is held.
func (e *Engine) lose(err error) {
	for _, s := range e.running {
		if !ended(s) {
			e.end(s, "", err)
		}
	}
	for _, s := range e.aside {
		s.lost, s.linked, s.stored = true, 0, 0
	}
	e.pages.clear()
}

// clear takes all pages out of the tree. Those that sequences have stay theirs.
func (p *pages) clear() {
	for p.idle > 0 {
		p.forget(p.oldest)
	}
	for page := range p.total() {
		if p.nodes[page].filled > 0 {
			p.unlink(int32(page))
		}
	}
}
