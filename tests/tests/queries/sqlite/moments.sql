-- What SQLite makes of moments: sqlite3 < moments.sql > moments.txt
with moment(at) as (values ('1984-08-09T20:05:30'), ('2000-02-29T00:00:00'), ('1999-12-31T23:59:59'), ('1970-01-01T00:00:01'),
                           ('1969-12-31T12:00:00'), ('2024-03-31T06:07:08'), ('1900-03-01T01:02:03'), ('0001-01-01T00:00:00')),
     change(days, months, seconds) as (values (0, 0, 0), (1, 1, 1), (-1, -1, -1), (400, 25, 86400), (-30000, -1200, -7200))
select at, days, months, seconds,
       cast(strftime('%Y', at) as integer), cast(strftime('%m', at) as integer), cast(strftime('%d', at) as integer),
       cast(strftime('%H', at) as integer), cast(strftime('%M', at) as integer), cast(strftime('%S', at) as integer),
       (strftime('%w', at) + 6) % 7 + 1, cast(strftime('%j', at) as integer),
       strftime('%Y-%m-%dT%H:%M:%S', at, 'start of day'),
       strftime('%Y-%m-%dT%H:%M:%S', at, 'start of month'),
       strftime('%Y-%m-%dT%H:%M:%S', at, 'start of year'),
       strftime('%Y-%m-%dT%H:%M:%S', at, days || ' days'),
       -- SQLite lets months overflow into the next: only from first days do both agree.
       strftime('%Y-%m-%dT%H:%M:%S', at, 'start of month', months || ' months'),
       strftime('%Y-%m-%dT%H:%M:%S', at, seconds || ' seconds'),
       cast(julianday(date(at)) - julianday('1985-01-31') as integer),
       unixepoch(at) - unixepoch('1985-01-31T19:00:00')
  from moment, change
 where strftime('%Y', at, days || ' days') >= '0000' and (at > '0002' or days >= 0);
