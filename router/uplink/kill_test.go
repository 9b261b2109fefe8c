package uplink

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/a472be26/cusp/router"
)

// killedEnv holds the outbox path when this test binary is the process to be
// killed.
const killedEnv = "CUSP_TEST_KILLED_OUTBOX"

func TestMain(m *testing.M) {
	if path := os.Getenv(killedEnv); path != "" {
		askForever(path)
	}
	os.Exit(m.Run())
}

// askForever accepts a question, says so on stdout when it has been sent, and
// waits to be killed.
func askForever(path string) {
	l := newFakeLink(true)
	o := Options{Device: "dev", Outbox: path, OnLate: func(router.Question, router.CloudAnswer, error) error { return nil }}
	u, err := open(o, func(*Uplink) (link, error) { return l, nil })
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go func() {
		fmt.Println("sent", (<-l.sent).ID)
	}()
	_, err = u.Ask(context.Background(), question("q"), nil)
	fmt.Println("the question ended:", err)
	os.Exit(1)
}

func TestAcceptedQuestionSurvivesKill9(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "outbox.db")
	victim := exec.Command(os.Args[0])
	victim.Env = append(os.Environ(), killedEnv+"="+path)
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	victim.Process.Kill()
	victim.Wait()
	if err != nil || line != "sent q\n" {
		t.Fatalf("the process said %q, %v", line, err)
	}
	_, entries := openBox(t, path, 10, 1<<20)
	if len(entries) != 1 || entries[0].Question.ID != "q" || entries[0].State != stateWaiting {
		t.Errorf("entries %+v, want the question that was accepted", entries)
	}
}
