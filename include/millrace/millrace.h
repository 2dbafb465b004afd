#pragma once

// Everything that a job needs.

#include <millrace/codec.h>
#include <millrace/context.h>
#include <millrace/csv.h>
#include <millrace/dataset.h>
#include <millrace/error.h>
#include <millrace/json_value.h>
#include <millrace/mapreduce.h>
#include <millrace/options.h>
#include <millrace/reader.h>
#include <millrace/shared.h>
#include <millrace/task.h>
#include <millrace/text.h>
