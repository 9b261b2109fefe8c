package infer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/a472be26/cusp/infer/kernel"
	"github.com/a472be26/cusp/infer/model"
	"github.com/a472be26/cusp/infer/prefix"
)

// Recall brings back the keys and values of a beginning that many prompts have,
// as far as whole pages go, from where [Engine.Memorize] put them. It returns
// false if they have to be computed, by Memorize or by the first prompt. model
// names the weights, and the program too, if its arithmetic may change.
func (e *Engine) Recall(store *prefix.Store, model string, tokens []int32) bool {
	key := e.prefixKey(model, tokens)
	if len(key.Tokens) == 0 || e.enter() != nil {
		return false
	}
	defer e.leave()
	s := e.setAside(key.Tokens, true)
	if s == nil {
		return false
	}
	defer e.putBack(s)
	shared := s.linked // nothing is written to pages that others read
	if !store.Load(key, func(i int, src []byte) error {
		if i >= shared {
			e.kv.Write(s.pages[i], src)
		}
		return nil
	}) {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if s.lost {
		return false
	}
	s.stored = len(key.Tokens)
	s.link(e.pages)
	return true
}

// Memorize computes the keys and values of a beginning, unless they are there,
// and saves them for a later [Engine.Recall].
func (e *Engine) Memorize(ctx context.Context, store *prefix.Store, model string, tokens []int32) error {
	key := e.prefixKey(model, tokens)
	if len(key.Tokens) == 0 {
		return nil
	}
	if _, err := e.Generate(ctx, Request{Prompt: key.Tokens, MaxTokens: 1}, nil); err != nil {
		return err
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	s := e.setAside(key.Tokens, false)
	if s == nil {
		return errScarce
	}
	defer e.putBack(s)
	if len(s.pages) < pagesFor(len(key.Tokens)) {
		return errScarce
	}
	return store.Save(key, func(i int, dst []byte) error {
		return errors.Join(e.kv.Read(dst, s.pages[i]), ctx.Err())
	})
}

var errScarce = errors.New("infer: the beginning was not saved: the memory for keys and values is too small beside what runs")

// prefixKey is about the whole pages of tokens, none if they do not fit or mean
// nothing by themselves.
func (e *Engine) prefixKey(name string, tokens []int32) prefix.Key {
	whole := len(tokens) / model.PageTokens * model.PageTokens
	if whole >= e.context || !e.shares() {
		whole = 0
	}
	return prefix.Key{
		Identity:   sha256.Sum256(fmt.Appendf(nil, "%s\n%s %s %s", name, runtime.GOARCH, kernel.Tier(), e.options.KV)),
		PageTokens: model.PageTokens,
		PageBytes:  e.kv.PageBytes(),
		Tokens:     tokens[:whole],
	}
}

// setAside pins the pages that hold whole pages of tokens, and takes those that
// are missing if they are wanted; nil if that would not leave a page for each
// sequence that runs and may need one.
func (e *Engine) setAside(tokens []int32, missing bool) *sequence {
	// One more token, since the last of a prompt is never found.
	known := append(slices.Clip(tokens), 0)
	s := &sequence{known: known, prefill: len(known), bound: pagesFor(len(tokens))}
	e.mu.Lock()
	defer e.mu.Unlock()
	s.adopt(e.pages)
	if !missing {
		s.bound = len(s.pages) // nothing beyond what is there
	}
	if !s.promise(e.pages, e.growing()) {
		s.release(e.pages)
		return nil
	}
	s.grow(e.pages, s.bound*model.PageTokens)
	e.aside = append(e.aside, s)
	return s
}

func (e *Engine) putBack(s *sequence) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s.release(e.pages)
	e.aside = slices.DeleteFunc(e.aside, func(o *sequence) bool { return o == s })
	e.look() // somebody may wait for pages
}
