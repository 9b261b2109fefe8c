//go:build e2e

package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestOpenAIClients runs the tests in python, node and go, each over the socket
// and over TLS. They take turns, since they look at what the daemon computes.
func TestOpenAIClients(t *testing.T) {
	random, student := start(t, setup{model: randomModel(t)}), start(t, setup{})
	interpreter := python(t)
	runtime, modules := node(t)
	for name, command := range map[string]func() *exec.Cmd{
		"python": func() *exec.Cmd {
			return in("python", interpreter, "-W", "error::ResourceWarning", "-m", "unittest", "-v", "test_openai")
		},
		"node": func() *exec.Cmd {
			return in(beside(t, "node/openai.test.mjs", modules), runtime, "--test", "--test-reporter=spec", "openai.test.mjs")
		},
		"go": func() *exec.Cmd { return in("go", "go", "test", "-tags", "e2e", "-count=1", "-v", "./...") },
	} {
		for over, url := range map[string]string{"socket": "http://cusp/v1", "tls": "https://" + random.tcp + "/v1"} {
			t.Run(name+"/"+over, func(t *testing.T) {
				c := command()
				c.Env = append(os.Environ(), "CUSP_OVER="+over, "CUSP_URL="+url, "CUSP_SOCKET="+random.socket, "CUSP_STUDENT="+student.socket,
					"CUSP_TOKEN="+token, "CUSP_CA="+random.path("cert.pem"))
				c.Stdout, c.Stderr = t.Output(), t.Output()
				must(t, c.Run())
			})
		}
	}
}

// in is a command in a directory.
func in(dir, program string, args ...string) *exec.Cmd {
	c := exec.Command(program, args...)
	c.Dir = dir
	return c
}

// beside is a directory with a test beside its modules, where Node looks for them.
func beside(t *testing.T, test, modules string) string {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile(test)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, filepath.Base(test)), text, 0o600))
	must(t, os.Symlink(modules, filepath.Join(dir, "node_modules")))
	return dir
}
