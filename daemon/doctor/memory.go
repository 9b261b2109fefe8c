package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"

	"github.com/a472be26/cusp/infer/builtin"
	"github.com/a472be26/cusp/infer/gguf"
	"github.com/a472be26/cusp/infer/modelfile"
	"github.com/a472be26/cusp/packaging/bundle"
)

// program is about what the daemon takes beside model, keys and values: measured
// with `cusp bench`.
const program = 42 << 20

// memory compares what the daemon would take with what there is: for the service
// what its unit may have, for others what their control group has.
func memory(_ context.Context, s *subject) []Finding {
	if s.loadErr != nil {
		return only(warning("correct the configuration first", "what the daemon would take is not known"))
	}
	have, from := s.memoryLimit()
	if have == 0 {
		return only(warning("mount it: mount -t proc proc /proc", "how much memory there is cannot be told: no /proc/meminfo"))
	}
	need, err := s.footprint(have)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return only(s.unseen("the model", err))
	case err != nil:
		return only(told(err, "less model.context, model.sequences or model.kv_memory, or a smaller model"))
	}
	return only(s.judgeMemory(need, have, from))
}

func (s *subject) judgeMemory(n need, have float64, from string) Finding {
	free := s.available()
	switch {
	case n.working() > have:
		return failure("a smaller model.kv_memory, model.context or model.sequences; or more memory (MemoryMax=)", "%s needed, %s %s", n, sizeOf(have), from)
	case n.all() > have:
		return warning("a smaller model: cusp model convert IN OUT --type q4_k_m; or a smaller model.kv_memory",
			"%s needed, %s %s: weights would be read from disk again and again", n, sizeOf(have), from)
	case free > 0 && n.all() > free && !s.unit.active():
		return warning("stop what takes it, or take a smaller model or model.kv_memory", "%s needed, only %s free now, of %s %s", n, sizeOf(free), sizeOf(have), from)
	}
	return ok("%s of %s %s", n, sizeOf(have), from)
}

// need is what the daemon takes, in bytes.
type need struct{ weights, kv, run float64 }

// working is what must be there at all times; weights can be read again.
func (n need) working() float64 { return n.kv + n.run + program }
func (n need) all() float64     { return n.weights + n.working() }

func (n need) String() string {
	return fmt.Sprintf("%s (%s weights, %s keys and values, %s program)", sizeOf(n.all()), sizeOf(n.weights), sizeOf(n.kv), sizeOf(n.run+program))
}

// footprint reads it off the model's file, as the engine does at its start.
func (s *subject) footprint(have float64) (need, error) {
	path, size, err := s.weights()
	if err != nil {
		return need{}, err
	}
	if path == "" {
		return s.builtInFootprint(have)
	}
	f, err := modelfile.Open(path)
	if err != nil {
		return need{}, err
	}
	defer f.Close()
	p, err := s.cfg.Model.Engine().Footprint(f, have)
	return need{float64(size), p.KV, p.Run}, err
}

func (s *subject) builtInFootprint(have float64) (need, error) {
	files, err := builtin.Student()
	if err != nil {
		return need{}, err
	}
	weights, err := fs.ReadFile(files, bundle.ModelFile)
	if err != nil {
		return need{}, err
	}
	f, err := gguf.Parse("the built-in model", weights)
	if err != nil {
		return need{}, err
	}
	p, err := s.cfg.Model.Engine().Footprint(f, have)
	return need{float64(len(weights)), p.KV, p.Run}, err
}

// memoryLimit is how many bytes the daemon may come to use, and who says so; 0:
// it cannot be told.
func (s *subject) memoryLimit() (limit float64, from string) {
	limit, from = s.meminfo("MemTotal"), "in this machine"
	if n, err := strconv.ParseUint(s.unit["MemoryMax"], 10, 64); err == nil && float64(n) < limit {
		limit, from = float64(n), "for the service (MemoryMax=)"
	}
	if s.unit.installed() {
		return limit, from
	}
	if n := s.groupLimit(); n < limit {
		limit, from = n, "for this control group"
	}
	return limit, from
}

// groupLimit is the least limit of this process's control group and those around
// it (cgroups(7), version 2, and the memory controller of version 1).
func (s *subject) groupLimit() float64 {
	least := math.Inf(1)
	text, _ := fs.ReadFile(s.Root, "proc/self/cgroup")
	for line := range strings.Lines(string(text)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, _ := strings.Cut(rest, ":")
		mount, file := "sys/fs/cgroup", "memory.max"
		if controllers == "memory" {
			mount, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		for g := path.Clean("/" + group); ; g = path.Dir(g) {
			value, err := fs.ReadFile(s.Root, path.Join(mount, g, file))
			if n, perr := strconv.ParseUint(strings.TrimSpace(string(value)), 10, 64); err == nil && perr == nil {
				least = min(least, float64(n))
			}
			if g == "/" {
				break
			}
		}
	}
	return least
}

// available is what programs can get without swapping; 0: it cannot be told.
func (s *subject) available() float64 { return s.meminfo("MemAvailable") }

// meminfo is a line of /proc/meminfo in bytes; 0 if it is not there.
func (s *subject) meminfo(name string) float64 {
	text, _ := fs.ReadFile(s.Root, "proc/meminfo")
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		if key == name {
			kib, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return float64(kib) * 1024
		}
	}
	return 0
}
