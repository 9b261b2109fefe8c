package toolcall

// Kind says what an event tells.
type Kind int

const (
	// Content is text for the user.
	Content Kind = iota
	// Reasoning is text before the answer.
	Reasoning
	// Start begins the call Index of the function Name.
	Start
	// Arguments is a part of the arguments of the call under way, a JSON object.
	Arguments
	// End ends the call under way: its arguments are complete and well-formed.
	End
	// Cut takes back the call under way, whose rest is malformed. Its text
	// follows as Content.
	Cut
	// Note says in words why what looks like a call is content.
	Note
	// wait is the parser's own: it needs more text.
	wait
)

// Event is a piece of an answer.
type Event struct {
	Kind  Kind
	Text  string // of Content, Reasoning, Arguments and Note
	Index int    // of the call, from 0: of Start, Arguments, End and Cut
	Name  string // of Start
	ID    string // of Start and End; empty where the format has none, or before it came
}

// Call is a complete call.
type Call struct {
	ID        string
	Name      string
	Arguments string // a JSON object
}

// Answer is what the events of one answer add up to.
type Answer struct {
	Content, Reasoning string
	Calls              []Call
	Notes              []string
	open               Call
}

// Add takes the next event.
func (a *Answer) Add(e Event) {
	switch e.Kind {
	case Content:
		a.Content += e.Text
	case Reasoning:
		a.Reasoning += e.Text
	case Start:
		a.open = Call{ID: e.ID, Name: e.Name}
	case Arguments:
		a.open.Arguments += e.Text
	case End:
		a.open.ID = e.ID
		a.Calls = append(a.Calls, a.open)
	case Note:
		a.Notes = append(a.Notes, e.Text)
	}
}
