package doctor

import (
	"context"
	"path/filepath"
)

// fewFiles is when a file system is about to have no room for another file.
const fewFiles = 100

// space compares what is free with what the daemon may come to write, and with
// what the next version of the model takes.
func space(_ context.Context, s *subject) []Finding {
	state, outbox := s.cfg.State.Dir, s.cfg.Cloud.OutboxBytes
	rest := s.cfg.Router.RecordSize + s.cfg.Model.PrefixCache - sizeAt(filepath.Join(state, "records")) - sizeAt(filepath.Join(state, "prefixes"))
	var found []Finding
	if link := s.cfg.Link; link.Socket != "" { // the link process has the outbox
		found = append(found, s.room("link", link.State, uint64(max(0, outbox-sizeAt(filepath.Join(link.State, "outbox.db")))), "the outbox may still take %s", true))
	} else {
		rest += outbox - sizeAt(filepath.Join(state, "outbox.db"))
	}
	_, model, _ := s.weights()
	return append(found,
		s.room("state", state, uint64(max(0, rest)), "what is kept there may still take %s", true),
		s.room("models", s.cfg.Model.Dir, uint64(model), "the next version of the model takes about %s", false))
}

// room looks at the file system that a directory is on, or would be.
func (s *subject) room(what, dir string, want uint64, why string, written bool) Finding {
	at := dir
	for !exists(at) {
		at = filepath.Dir(at)
	}
	r, err := s.Space(at)
	switch {
	case err != nil:
		return s.unseen("the space of "+dir, err)
	case r.readOnly && written:
		return failure("mount it for writing: mount -o remount,rw; see dmesg if the kernel did that", "%s: %s is on a file system that cannot be written to", what, dir)
	case r.counted && r.files < fewFiles:
		return failure("delete files, or make a file system with more inodes", "%s: only %d files can be made where %s is", what, r.files, dir)
	case r.free < 1<<20:
		return failure("delete something: du -xh / | sort -h | tail", "%s: %s is full: %s free", what, dir, sizeOf(r.free))
	case r.free < want:
		return warning("free some, or less router.record_size and model.prefix_cache", "%s: %s free at %s; "+why, what, sizeOf(r.free), dir, sizeOf(want))
	}
	return ok("%s: %s free at %s", what, sizeOf(r.free), dir)
}
