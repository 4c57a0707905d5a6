"""The words of column names: units of time, what is counted, workers, and what is no setting."""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


SECONDS = {
    **dict.fromkeys(("us", "usec", "microseconds"), 1e-6),
    **dict.fromkeys(("ms", "msec", "msecs", "millisec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "sekunde", "sekunden"), 1.0),
    **dict.fromkeys(("min", "mins", "minute", "minutes", "minuten"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "stunde", "stunden"), 3600.0),
    **dict.fromkeys(("day", "days"), 86400.0),
}
#: What a rate counts, in one form.
COUNTED = {
    **dict.fromkeys(("image", "images", "img", "imgs", "bilder", "bild", "ims", "im"), "images"),
    **dict.fromkeys(("sample", "samples", "examples", "example", "ex", "samp"), "samples"),
    **dict.fromkeys(("token", "tokens", "tok", "toks"), "tokens"),
    **dict.fromkeys(("sequence", "sequences", "seq", "seqs"), "sequences"),
    **dict.fromkeys(("sentence", "sentences", "sents"), "sentences"),
    **dict.fromkeys(("word", "words", "wps"), "words"),
    **dict.fromkeys(("frame", "frames"), "frames"),
    **dict.fromkeys(("item", "items", "rows", "records", "graphs", "queries", "bases"), "items"),
    **dict.fromkeys(("epoch", "epochs", "epoche"), "epochs"),
}
SHORT_RATES = {
    "ips": "images",
    "fps": "frames",
    "wps": "words",
    "tps": "tokens",
    "qps": "queries",
    "sps": "samples",
    "tgs": "tokens",
}
STEPS = _set("it its iter iters iteration iterations step steps batch batches minibatch update")
EPOCHS = _set("epoch epochs epoche")
#: One worker, behind `per`.
WORKERS = _set(
    "gpu gpus worker workers device devices accelerator accelerators card cards rank proc "
    "process replica chip core tpu npu"
)
NODES = _set("node nodes host hosts machine machines server servers knoten instance instances")
#: Headers of the number of workers.
SIZES = _set(
    "gpu gpus worker workers ranks proc procs process processes np nproc nprocs device devices "
    "accelerator accelerators card cards tpu tpus npu npus chips replicas n p ngpu ngpus "
    "nworkers gcds dp ws"
)
COUNT_WORDS = _set("num number no nb of n total anzahl count the used training")
RATES = _set("throughput speed rate performance perf durchsatz")
#: Measured or computed, but no speed: never a setting.
NOT_MEASURED = _set(
    "loss losses acc accuracy precision1 top1 top5 perplexity ppl bleu f1 map auc wer error "
    "errors mem memory vram mib gib gb mb ram power watt watts energy joule joules kwh util "
    "utilization utilisation mfu hfu flops tflops gflops tflop temperature temp cost price usd "
    "eur dollars std stdev stddev stderr sem var cv ci variance low high lower upper p5 p10 p50 "
    "p90 p95 p99 bandwidth gbps busbw algbw clock mhz co2 overhead score bubble grad_norm "
    "gradnorm"
)
#: Parts of a step or a job, of which the time is no curve.
PHASES = _set(
    "data load loading forward backward fwd bwd comm communication allreduce reduce sync eval "
    "evaluation val validation test compile startup warmup init checkpoint save wait idle io "
    "optimizer first preprocessing input"
)
EXTREMES = _set("min max peak best worst")
#: Names of runs: rows that differ in them alone are repeats.
LABELS = _set(
    "seed seeds trial trials repeat repeats rep reps run runid id uuid index idx epoch "
    "timestamp datetime note notes comment comments remark remarks source file path log started "
    "ended created finished start end url lr"
)
TOTALS = _set("total global overall aggregate aggregated agg cluster gesamt all sum")
#: Words that change nothing.
PLAIN = _set("mean avg average averaged median measured observed")
