package uplink

import (
	"fmt"
	"strings"
)

const (
	askPrefix    = "cusp/cloud/ask/"
	answerPrefix = "cusp/cloud/answer/"
	maxIDBytes   = 128
)

// AskTopic is where the device's questions go.
func AskTopic(device string) string { return askPrefix + device }

// AnswerTopic is where the answer to the device's question id comes back.
func AnswerTopic(device, id string) string { return answerPrefix + device + "/" + id }

// SharedAskTopic is the filter by which the workers of a group share the
// questions of all devices: the broker hands each one to one of them.
func SharedAskTopic(group string) string { return "$share/" + group + "/" + askPrefix + "+" }

// DeviceOf returns the device that a question's topic names.
func DeviceOf(topic string) (string, error) {
	device, ok := strings.CutPrefix(topic, askPrefix)
	if !ok {
		return "", fmt.Errorf("topic %.200q is not %sDEVICE", topic, askPrefix)
	}
	return device, CheckID("device", device)
}

// CheckID tells whether id can be a level of a topic and a key in every store:
// 1 to 128 of the characters A-Z a-z 0-9 . _ : - . What names it in the error.
func CheckID(what, id string) error {
	if id == "" || len(id) > maxIDBytes {
		return fmt.Errorf("%s id has %d bytes, want 1 to %d", what, len(id), maxIDBytes)
	}
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '.', c == '_', c == ':', c == '-':
		default:
			return fmt.Errorf("%s id %q: character %q is not one of A-Z a-z 0-9 . _ : -", what, id, c)
		}
	}
	return nil
}
