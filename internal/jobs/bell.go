package jobs

import (
	"context"
	"fmt"

	"github.com/riverqueue/river/riverdriver"
)

// River learns of new jobs from the database: it polls a table on SQLite and listens on PostgreSQL. Here the process
// that commits a job rings a bell instead, which costs nothing, works through connection poolers and is faster. Other
// nodes look for jobs now and then. The bell is a hint; no job depends on it.

type bell struct {
	rung chan string
}

func newBell() *bell { return &bell{rung: make(chan string, 16)} }

// ring says that there are jobs in a queue.
func (b *bell) ring(queue string) {
	select {
	case b.rung <- queue:
	default: // it rings already
	}
}

// bellDriver is a River driver that listens to a bell.
type bellDriver[TTx any] struct {
	riverdriver.Driver[TTx]
	bell *bell
}

func (d *bellDriver[TTx]) SupportsListener() bool     { return true }
func (d *bellDriver[TTx]) SupportsListenNotify() bool { return false } // so nothing is written to be listened to

func (d *bellDriver[TTx]) GetListener(params *riverdriver.GetListenenerParams) riverdriver.Listener {
	return &bellListener{bell: d.bell, schema: params.Schema}
}

type bellListener struct {
	bell   *bell
	schema string
}

// insertTopic is River's name for the news of inserted jobs.
const insertTopic = "river_insert"

func (l *bellListener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case queue := <-l.bell.rung:
		return &riverdriver.Notification{Topic: insertTopic, Payload: fmt.Sprintf(`{"queue":%q}`, queue)}, nil
	}
}

func (l *bellListener) Close(context.Context) error            { return nil }
func (l *bellListener) Connect(context.Context) error          { return nil }
func (l *bellListener) Listen(context.Context, string) error   { return nil }
func (l *bellListener) Ping(context.Context) error             { return nil }
func (l *bellListener) Schema() string                         { return l.schema }
func (l *bellListener) SetAfterConnectExec(string)             {}
func (l *bellListener) Unlisten(context.Context, string) error { return nil }
