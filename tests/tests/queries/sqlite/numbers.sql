-- What SQLite makes of numbers: sqlite3 < numbers.sql > numbers.txt
with real(x) as (values (0.0), (0.5), (-0.5), (1.5), (2.5), (-2.5), (0.125), (123.456), (-123.456), (1e15), (99.995), (7.0), (0.1), (1234567.891)),
     whole(n) as (values (0), (7), (-7), (255), (-9223372036854775807), (1000000)),
     digits(d) as (values (0), (1), (2), (5))
select format('%!.17g', x), n, d,
       format('%!.17g', round(x, d)), format('%!.17g', abs(x)), format('%!.17g', floor(x)), format('%!.17g', ceil(x)),
       format('%!.17g', trunc(x)), cast(x as integer),
       abs(n), min(n, 100), max(n, -100), cast(n as text), format('%!.17g', cast(n as real))
  from real, whole, digits
 where n in (0, 255) or d = 2;
