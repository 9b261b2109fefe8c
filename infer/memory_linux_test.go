package infer

import (
	"math"
	"testing"
	"testing/fstest"
)

func TestGroupMemory(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		files map[string]string
		want  float64
	}{
		{"no control groups", nil, math.Inf(1)},
		{"version 2", map[string]string{
			"proc/self/cgroup": "0::/system.slice/cusp.service\n",
			"sys/fs/cgroup/system.slice/cusp.service/memory.max": "536870912\n",
			"sys/fs/cgroup/system.slice/memory.max":              "max\n",
		}, 512 << 20},
		{"a group around it has less", map[string]string{
			"proc/self/cgroup": "0::/system.slice/cusp.service\n",
			"sys/fs/cgroup/system.slice/cusp.service/memory.max": "max\n",
			"sys/fs/cgroup/system.slice/memory.max":              "268435456\n",
		}, 256 << 20},
		{"inside a container", map[string]string{
			"proc/self/cgroup":         "0::/../../docker/1234\n",
			"sys/fs/cgroup/memory.max": "1000000\n",
		}, 1e6},
		{"version 1", map[string]string{
			"proc/self/cgroup": "3:cpu,cpuacct:/x\n2:memory:/x\n1:name=systemd:/x\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "2000000\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   "9223372036854771712\n",
			"sys/fs/cgroup/x/memory.max":                   "5\n",
		}, 2e6},
		{"nonsense", map[string]string{"proc/self/cgroup": "what\n0::\n", "sys/fs/cgroup/memory.max": "-1"}, math.Inf(1)},
	}
	for _, c := range cases {
		root := fstest.MapFS{}
		for name, text := range c.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := groupMemory(root); got != c.want {
			t.Errorf("%s: %v bytes, want %v", c.name, got, c.want)
		}
	}
	if m := machineMemory(); !(m > 1<<20 && m < 1<<50) {
		t.Errorf("this machine has %v bytes", m)
	}
}
