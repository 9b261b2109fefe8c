package router

// Prefer is where a device would rather have a question answered that it could
// answer itself. No preference keeps a question here that the promise sends away.
type Prefer string

// Preferences, each sending more to the cloud than the one before.
const (
	PreferLocal    Prefer = "local"    // here, whenever the promise allows it
	PreferBalanced Prefer = "balanced" // here, but for questions that come while another one is being answered
	PreferCloud    Prefer = "cloud"    // in the cloud, whenever it can be reached
)

// Preferences lists them.
func Preferences() []Prefer { return []Prefer{PreferLocal, PreferBalanced, PreferCloud} }

// Beyond tells whether p sends more to the cloud than o.
func (p Prefer) Beyond(o Prefer) bool {
	rank := map[Prefer]int{PreferBalanced: 1, PreferCloud: 2}
	return rank[p] > rank[o]
}

// Governor is how strained the device is when a question comes, for the decision
// and for the receipt.
type Governor struct {
	Level   string `json:"level"`           // "normal", "warm", "hot", "saving"
	Cause   string `json:"cause,omitempty"` // of the last change of the level
	Threads int    `json:"threads"`         // that compute
	Prefer  Prefer `json:"prefer"`

	Reason Reason `json:"-"` // of a question that goes to the cloud because of Prefer
	Busy   bool   `json:"-"` // another question is being answered
}
