package httpx

import "context"

// pending joins a client's call and the gate that it goes through: the call understands what the
// vendor says of its limits, and the gate's pace obeys.
type pending struct{ pace *pace }

type pendingKey struct{}

func withPending(ctx context.Context) (context.Context, *pending) {
	p := &pending{}
	return context.WithValue(ctx, pendingKey{}, p), p
}

func pendingOf(ctx context.Context) *pending {
	p, _ := ctx.Value(pendingKey{}).(*pending)
	return p
}

// tell passes on what an answer says of the vendor's limits.
func (p *pending) tell(limits *Limits) {
	if p.pace != nil && limits != nil {
		p.pace.told(*limits)
	}
}
