package match

import (
	"fmt"
	"strings"
)

// checkFilter refuses what is no topic filter (MQTT 3.1.1, section 4.7).
func checkFilter(filter string) error {
	levels := strings.Split(filter, "/")
	for i, level := range levels {
		if level == "#" && i == len(levels)-1 || level == "+" {
			continue
		}
		if strings.ContainsAny(level, "#+\x00") {
			return fmt.Errorf("topic: %q is no topic filter: + stands alone in a level, # alone in the last one", filter)
		}
	}
	return nil
}

func onTopic(filters []string, topic string) bool {
	for _, f := range filters {
		if covers(f, topic) {
			return true
		}
	}
	return false
}

// covers reports whether a filter matches a topic; "a/#" matches "a" too.
func covers(filter, topic string) bool {
	for {
		f, moreFilter, deeper := strings.Cut(filter, "/")
		if f == "#" {
			return true
		}
		t, moreTopic, longer := strings.Cut(topic, "/")
		if f != "+" && f != t {
			return false
		}
		if !longer {
			return !deeper || moreFilter == "#"
		}
		if !deeper {
			return false
		}
		filter, topic = moreFilter, moreTopic
	}
}
