package infer

import (
	"slices"

	"github.com/a472be26/cusp/infer/model"
)

// pages hands out the pages of a KV and remembers what the filled ones hold, so
// that sequences with the same beginning share them, those that run together as
// well as later ones.
//
// What is remembered is a tree: below a page hang those that follow the same
// tokens, so that a page is found by all tokens from the first on, compared one
// by one. A page in the tree is never written to. A page is in one of four
// states: free; written to by one sequence, and in no tree; in the tree and
// part of running sequences; or in the tree and idle, to be forgotten when
// pages run short, the least recently used first. It is not safe for concurrent
// use.
//
// Where every layer looks through a window, a sequence gives back pages that are
// behind it. They are idle like others. When one is forgotten, those behind it in
// the tree are cut off: they can no longer be found, and stay what they are to the
// sequences that use them.
//
// Sequences of encoders and encoder-decoders take and give back pages without
// the tree: the same tokens do not mean the same keys and values to them.
type pages struct {
	nodes    []node  // by page; the last one is the root of the tree
	free     []int32 // taken from the end
	idle     int     // pages in the list from oldest to newest
	oldest   int32
	newest   int32
	promised int // pages that are set aside for sequences: at most free and idle ones

	unread func(position int) int // leading positions that nothing reads any more from one on
}

// node is what is known of a page.
type node struct {
	refs   int // sequences that it is part of
	filled int // tokens that it holds, in the tree; 0: not in the tree
	tokens [model.PageTokens]int32

	parent, child int32 // the page before it; the first one after it
	next, prev    int32 // others with the same parent
	newer, older  int32 // neighbours in the list of idle pages
}

const none int32 = -1

func newPages(n int, unread func(position int) int) *pages {
	p := &pages{unread: unread, nodes: make([]node, n+1), free: make([]int32, n), oldest: none, newest: none}
	for i := range p.free {
		p.free[i] = int32(n - 1 - i)
	}
	for i := range p.nodes {
		p.nodes[i] = node{parent: none, child: none, next: none, prev: none, newer: none, older: none}
	}
	return p
}

// root is before the first page of every sequence.
func (p *pages) root() int32 { return int32(len(p.nodes) - 1) }

// total is the number of pages.
func (p *pages) total() int { return len(p.nodes) - 1 }

// spare is how many pages can still be set aside.
func (p *pages) spare() int { return len(p.free) + p.idle - p.promised }

// promise sets pages aside for a sequence; false if there are not enough.
func (p *pages) promise(n int) bool {
	if p.spare() < n {
		return false
	}
	p.promised += n
	return true
}

// take gives out one of the promised pages.
func (p *pages) take() int32 {
	p.promised--
	if len(p.free) == 0 {
		p.forget(p.oldest)
	}
	page := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	p.nodes[page].refs = 1
	return page
}

// forget takes an idle page out of the tree and frees it. No idle page hangs below
// the oldest one, which was let go, or refreshed, later; and none that is used
// where nobody gives back pages before its end.
func (p *pages) forget(page int32) {
	p.unlist(page)
	p.cut(page)
	p.free = append(p.free, page)
}

// cut takes a page out of the tree, and with it those below, which are used.
func (p *pages) cut(page int32) {
	for child := p.nodes[page].child; child != none; child = p.nodes[page].child {
		p.cut(child)
	}
	p.unlink(page)
}

// refresh makes the idle pages before one the newest, if it is in the tree: they
// are to be forgotten after it.
func (p *pages) refresh(page int32) {
	if p.nodes[page].filled == 0 {
		return
	}
	for page = p.nodes[page].parent; page != p.root(); page = p.nodes[page].parent {
		if p.nodes[page].refs == 0 {
			p.unlist(page)
			p.list(page)
		}
	}
}

// pin makes a page of the tree part of one more sequence.
func (p *pages) pin(page int32) {
	n := &p.nodes[page]
	if n.refs == 0 {
		p.unlist(page)
	}
	n.refs++
}

// unpin lets a page go. Of a sequence's pages the last one goes first.
func (p *pages) unpin(page int32) {
	n := &p.nodes[page]
	n.refs--
	switch {
	case n.refs > 0:
	case n.filled > 0:
		p.list(page)
	default:
		p.free = append(p.free, page)
	}
}

// find is the page behind parent that holds exactly these tokens, none if there
// is none.
func (p *pages) find(parent int32, tokens []int32) int32 {
	for page := p.nodes[parent].child; page != none; page = p.nodes[page].next {
		if n := &p.nodes[page]; slices.Equal(n.tokens[:n.filled], tokens) {
			return page
		}
	}
	return none
}

// closest is the page behind parent with the most tokens in common with the
// beginning of these, and how many.
func (p *pages) closest(parent int32, tokens []int32) (best int32, common int) {
	best = none
	for page := p.nodes[parent].child; page != none; page = p.nodes[page].next {
		n := &p.nodes[page]
		if same := commonPrefix(n.tokens[:n.filled], tokens); same > common {
			best, common = page, same
		}
	}
	return best, common
}

// link puts a page that holds tokens into the tree behind parent.
func (p *pages) link(parent, page int32, tokens []int32) {
	n := &p.nodes[page]
	n.filled = copy(n.tokens[:], tokens)
	n.parent, n.prev, n.next = parent, none, p.nodes[parent].child
	if n.next != none {
		p.nodes[n.next].prev = page
	}
	p.nodes[parent].child = page
}

func (p *pages) unlink(page int32) {
	n := &p.nodes[page]
	if n.prev != none {
		p.nodes[n.prev].next = n.next
	} else {
		p.nodes[n.parent].child = n.next
	}
	if n.next != none {
		p.nodes[n.next].prev = n.prev
	}
	n.filled, n.parent, n.next, n.prev = 0, none, none, none
}

// list makes a page the newest of the idle ones.
func (p *pages) list(page int32) {
	n := &p.nodes[page]
	n.older, n.newer = p.newest, none
	if p.newest != none {
		p.nodes[p.newest].newer = page
	} else {
		p.oldest = page
	}
	p.newest = page
	p.idle++
}

func (p *pages) unlist(page int32) {
	n := &p.nodes[page]
	if n.older != none {
		p.nodes[n.older].newer = n.newer
	} else {
		p.oldest = n.newer
	}
	if n.newer != none {
		p.nodes[n.newer].older = n.older
	} else {
		p.newest = n.older
	}
	n.older, n.newer = none, none
	p.idle--
}

// pagesFor is how many pages hold that many tokens.
func pagesFor(tokens int) int { return (tokens + model.PageTokens - 1) / model.PageTokens }

// commonPrefix is the length of the common beginning of a and b.
func commonPrefix(a, b []int32) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
