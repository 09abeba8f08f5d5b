#!/bin/sh
aws iam list-roles
# aws iam attach-role-policy
