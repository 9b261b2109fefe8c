package daemon

import (
	"errors"
	"strings"
	"testing"

	"github.com/a472be26/cusp/router"
	"github.com/a472be26/cusp/router/cloud"
)

// A prompt beyond the teacher's context is refused for good: devices would ask
// it again for a day.
func TestTeacherRefusesAPromptThatIsTooLong(t *testing.T) {
	t.Parallel()
	teacher, err := OpenTeacher("")
	if err != nil {
		t.Fatal(err)
	}
	defer teacher.Close()
	messages := []router.Message{{Role: "user", Content: strings.Repeat("turn on the light ", 10000)}}
	_, err = teacher.Generate(t.Context(), cloud.Request{Messages: messages}, func(string) error { return nil })
	var refusal *cloud.Error
	if !errors.As(err, &refusal) || refusal.Retryable {
		t.Errorf("error %v, want one that is final", err)
	}
}
