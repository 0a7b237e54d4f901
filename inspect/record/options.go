package record

// Options adjust a [Recorder]. Zero fields mean the defaults.
type Options struct {
	// Entries is how many dispatches from outside are kept; those that continue
	// another one, and those of no items, do not count. Default 200.
	Entries int
	// Bytes bounds what all of them take up, as the recorder reckons it. Default
	// 16 MiB.
	Bytes int
	// Secrets are parts of names. What a field, a signal, a member of a JSON object or
	// a wildcard of a path holds that has one of them in its name is hidden. Letter
	// case and punctuation do not count: "apikey" finds "API-Key". Default [Secrets];
	// append to it, or give an empty list that is not nil to hide by tag alone.
	Secrets []string
	// Ctx keeps what JSON has of the Ctx of each dispatch from outside: the fields
	// that nobody else can change meanwhile, which are numbers, texts, times and
	// structs of them. Secrets in it are hidden as everywhere. A Ctx tells who
	// somebody is. Default: nothing of it is kept.
	Ctx bool
}

const (
	defaultEntries = 200
	defaultBytes   = 16 << 20
)

// MaxValue bounds in bytes what a [Recorder] keeps of one step: of its data, and as
// much again of what it gave. Longer texts are cut and say so; the rest is counted
// in Step.Omitted.
const MaxValue = 64 << 10

// maxError bounds the text of an error in bytes.
const maxError = 4 << 10

// overhead is what a dispatch or a step takes up beside its data, in bytes.
const overhead = 512
